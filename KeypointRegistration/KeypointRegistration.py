"""The module's face: what Slicer sees of Keypoint Registration.  Everything it does is in KeypointRegistrationLib."""

import logging
import time
from pathlib import Path

import numpy as np
import qt
import slicer
import slicer.util
import vtk
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.panel.device_note import remember_device
from KeypointRegistrationLib.panel.export import export_result
from KeypointRegistrationLib.panel.inputs import InputsSection
from KeypointRegistrationLib.panel.job import RegistrationJob
from KeypointRegistrationLib.panel.parameters import PanelParameters, bound_widgets
from KeypointRegistrationLib.panel.run import RunSection
from KeypointRegistrationLib.panel.sample_data import register_sample_data
from KeypointRegistrationLib.panel.sections import SECTIONS
from KeypointRegistrationLib.panel.torch_setup import offer_torch
from KeypointRegistrationLib.panel.track import TrackSection
from KeypointRegistrationLib.panel.track_plan import plan
from KeypointRegistrationLib.panel.tracking_job import TrackingJob
from KeypointRegistrationLib.panel.workbench import Workbench
from KeypointRegistrationLib.panel.worklist import WorklistSection
from KeypointRegistrationLib.registration.options import RegistrationOptions
from KeypointRegistrationLib.registration.tracking.options import TrackingOptions
from KeypointRegistrationLib.scene.inputs import SceneInputs
from KeypointRegistrationLib.scene.results.editor import RegistrationEditor
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.series.finding import find_tracks, tracks_of
from KeypointRegistrationLib.scene.series.frames import browser_of
from KeypointRegistrationLib.worker.client import WorkerClient, worker_command
from KeypointRegistrationLib.worker.protocol import FailureKind
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class KeypointRegistration(ScriptedLoadableModule):
    """What Slicer shows about the module."""

    def __init__(self, parent):
        super().__init__(parent)
        self.parent.title = _("Keypoint Registration")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        self.parent.dependencies = []
        self.parent.contributors = ["KeypointRegistration contributors (KeypointRegistration)"]
        self.parent.helpText = _(
            "Aligns two scans of any pose and contrast. A neural network finds the same anatomical points in both, each "
            "with a probability map; a closed form aligns them; the panel says how far to trust the alignment.<br><br>"
            "<b>For research. Not for clinical use.</b>"
        )
        self.parent.acknowledgementText = _(
            "The method follows KeyMorph (Wang, Yu, Wang, Dalca, Sabuncu and colleagues: keypoints found by a network, "
            "aligned in closed form)."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Offer two pairs of scans in Slicer's Sample Data."""
    register_sample_data(Path(__file__).parent / "Resources" / "Icons")


class KeypointRegistrationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: hands what the person does to the job, and what comes back to the sections and the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.ui = None
        self._parameters = None
        self._guiTag = None
        self._wish = None  # the run that the person has asked for last: inputs, options
        self._torchOffered = False
        self._installing = False
        self._isTakenDown = False
        self._removedInBatch = False

    # -- life cycle ----------------------------------------------------------------------------------------------------

    def setup(self):
        super().setup()
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/KeypointRegistration.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self.logic = KeypointRegistrationLogic()
        self._inputs = InputsSection(self.ui, self._onParametersChanged)
        self._run = RunSection(self.ui)
        self._job = RegistrationJob(self.logic.worker, self)
        self._bench = Workbench(_later)
        sections = [kind(self._bench, self._loadUI) for kind in SECTIONS]
        self._track = TrackSection(self._bench, self._loadUI, self.logic.worker, lambda: self._parameters, self._install)
        self._worklist = WorklistSection(self._bench, self._loadUI, self._startRow, lambda: self._job.is_active)
        for section in (self._track, *sections, self._worklist):
            self._bench.sections.append(section)
            self.layout.addWidget(section.widget)
            section.widget.setMRMLScene(slicer.mrmlScene)
        self.layout.addStretch(1)
        self.ui.applyButton.connect("clicked()", self.onApply)
        self.ui.cancelButton.connect("clicked()", self.onCancel)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        for event, handler in (
            (slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose),
            (slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose),
            (slicer.mrmlScene.EndImportEvent, self.onSceneEndImport),
            (slicer.mrmlScene.NodeRemovedEvent, self.onNodeRemoved),
            (slicer.mrmlScene.EndBatchProcessEvent, self.onSceneEndBatch),
        ):
            self.addObserver(slicer.mrmlScene, event, handler)
        if self.parent.isEntered:  # a reloaded module: nobody will enter it
            self.enter()

    def cleanup(self):
        self._isTakenDown = True
        self._wish = None
        self._job.close()
        self.logic.close()
        self._unbind()
        self._bench.close()
        self.removeObservers()

    def enter(self):
        if self._isTakenDown:  # Slicer goes on calling the panel that was there before a reload
            _currentPanel().enter()
            return
        self._bind()
        self._bench.enter()

    def exit(self):
        if self._isTakenDown:
            _currentPanel().exit()
            return
        self._bench.exit()
        self._unbind()

    def onSceneStartClose(self, _scene, _event):
        self._track.stop()
        if self._job.is_active:
            self._job.cancel()
            self._showIdle(_("Cancelled, because the scene was closed."))
        self._unbind()
        self._bench.choose(None)

    def onSceneEndClose(self, _scene, _event):
        if self.parent.isEntered:
            self._bind()
            self._bench.refresh()

    def onSceneEndImport(self, _scene, _event):
        if self.parent.isEntered:
            self._bind()
            self._bench.refresh()

    def onNodeRemoved(self, _scene, _event):
        if slicer.mrmlScene.IsBatchProcessing():  # which closing and importing are as well
            self._removedInBatch = True
        else:
            self._bench.refresh_soon()

    def onSceneEndBatch(self, _scene, _event):
        if self._removedInBatch:
            self._removedInBatch = False
            self._bench.refresh_soon()

    # -- what the person does ------------------------------------------------------------------------------------------

    def onApply(self):
        self._torchOffered = False
        with slicer.util.tryWithErrorDisplay(_("The registration could not be started.")):
            self._wish = self._inputs.chosen_nodes(), self._inputs.chosen_options()
            self._start()

    def onCancel(self):
        self._wish = None
        self._job.cancel()
        self._showIdle(_("Cancelled. The scene is as it was."))

    # -- what the job says ---------------------------------------------------------------------------------------------

    def on_progress(self, fraction, stage):
        self._run.show_progress(fraction, stage)

    def on_done(self, result, registration):
        _inputs, options = self._wish
        self._wish = None
        remember_device(options.device, registration.device)
        self._showIdle("")
        self._bench.choose(result)

    def on_failed(self, failure):
        self._showProblem(failure.message)
        inputs, _options = self._wish
        self._worklist.failed(inputs, failure.message)
        logging.error("%s\n%s", failure.message, failure.details)
        if failure.kind is FailureKind.TORCH_MISSING and not self._torchOffered:
            self._offerTorch(failure)
        else:
            self._wish = None

    # -- inside --------------------------------------------------------------------------------------------------------

    def _loadUI(self, name):
        return slicer.util.loadUI(self.resourcePath(f"UI/{name}"))

    def _startRow(self, *nodes):
        """Register what a row of a worklist consists of: fixed and moving volume, and their masks or None."""
        if self._job.is_active or self._installing:
            raise InputError(_("A registration is running already. Wait for its end, or cancel it."))
        self._torchOffered = False
        parameters = self._parameters
        parameters.fixedVolume, parameters.movingVolume, parameters.fixedMask, parameters.movingMask = nodes
        self._wish = SceneInputs(*nodes), self._inputs.chosen_options()
        self._start()

    def _start(self):
        try:
            self._job.start(*self._wish)
        except InputError as error:
            self._wish = None
            self._showProblem(str(error))
            return
        self._inputs.set_enabled(False)
        self._run.show_running()

    def _offerTorch(self, failure):
        """After a run without torch: install it and do the same run again, once."""
        self._torchOffered = True
        installed = self._install(failure)
        if self._wish is None:  # the panel was taken down
            return
        if installed:
            self._start()
        else:
            self._wish = None

    def _install(self, failure):
        """Install what a failed run says is missing, and return whether that went well and the panel is still there.

        Installing lets the application go on: meanwhile the person may leave the module, close the scene or reload.
        """
        self._installing = True
        self._inputs.set_enabled(False)
        self._run.show_installing()
        installed, problem = False, failure.message
        try:
            installed = offer_torch(failure.package)
        except InputError as error:
            problem = str(error)
        finally:
            self._installing = False
        if self._isTakenDown:
            return False
        self._showIdle("")
        if not installed:
            self._showProblem(problem)
        return installed

    def _bind(self):
        """Follow the scene's parameter node."""
        self._unbind()
        self._parameters = self.logic.getParameterNode()
        if self._parameters.fixedVolume is None:
            self._parameters.fixedVolume = _first_scalar_volume()
        self._inputs.show(self._parameters)
        everyUI = (self.ui, *(section.ui for section in self._bench.sections))
        self._guiTag = self._parameters.connectParametersToGui(bound_widgets(*everyUI))
        self.addObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._onParametersChanged)
        self._onParametersChanged()

    def _unbind(self):
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._onParametersChanged)
        self._parameters = None
        self._inputs.show(None)

    def _onParametersChanged(self, _caller=None, _event=None):
        self._inputs.refresh()
        self._track.refresh()
        if not (self._job.is_active or self._installing):
            self._run.show_idle(self._inputs.missing())

    def _showIdle(self, message):
        self._inputs.set_enabled(True)
        self._run.show_idle(self._inputs.missing())
        self._run.show_message(message)

    def _showProblem(self, sentence):
        self._showIdle("")
        self._run.show_problem(sentence)


class KeypointRegistrationLogic(ScriptedLoadableModuleLogic):
    """For scripts: ``KeypointRegistrationLogic().register(fixedVolume, movingVolume)``."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.worker = WorkerClient(worker_command)

    def getParameterNode(self):
        return PanelParameters(super().getParameterNode())

    def close(self):
        """End the worker process, which is otherwise kept for the next registration, and ends by itself when idle."""
        self.worker.close()

    def register(self, fixedVolume, movingVolume, options=None, fixedMask=None, movingMask=None, initialTransform=None):
        """Register and show the result in the scene, like the panel does.  Returns when it is there.

        Args:
            fixedVolume, movingVolume: scalar volume nodes.
            options: RegistrationOptions, or None for the default ones.
            fixedMask, movingMask: volume nodes, a scan is only looked at where its mask is not zero; or ROI nodes.
            initialTransform: linear transform node with a starting pose, moving → fixed in world RAS.

        Returns:
            SceneRegistration, the handle on the result in the scene.

        Raises:
            InputError: if an input cannot be used.
            RuntimeError: if there is no result, with the reason.
        """
        outcome = _Outcome()
        job = RegistrationJob(self.worker, outcome)
        inputs = SceneInputs(fixedVolume, movingVolume, fixedMask, movingMask, initialTransform)
        try:
            job.start(inputs, options or RegistrationOptions())
            _await(job)
        finally:
            job.close()
        return outcome.of_job()

    def track(self, volume, options=None, mask=None, frames=None):
        """Follow a head through the sequence that a volume plays, like the panel does.  Returns when all is in the scene.

        Args:
            volume: scalar volume node, the proxy of a sequence browser.
            options: TrackingOptions, or None for the default ones.
            mask: volume node that marks the head in the reference, ROI node around it, or None to find it.
            frames: indices of those to track, from 0; None for all that nobody has corrected.

        Returns:
            SceneTrack, the handle on the track in the scene.

        Raises:
            InputError: if an input cannot be used.  Frames that were tracked before stay in the scene.
            RuntimeError: if there is no result, with the reason.
        """
        outcome = _Outcome()
        job = TrackingJob(self.worker, outcome)
        try:
            earlier = tracks_of(browser_of(volume))
            job.start(plan(volume, mask, options or TrackingOptions(), earlier, frames))
            _await(job)
        finally:
            job.close()
        return outcome.of_job()

    def tracks(self):
        """All tracked series of the scene, the earliest first: a list of SceneTrack."""
        return find_tracks(slicer.mrmlScene)

    def results(self):
        """All registrations of the scene, the earliest first: a list of SceneRegistration."""
        return find_registrations(slicer.mrmlScene)

    def edit(self, result):
        """The RegistrationEditor of a result: what a person can correct.  Close it when done.

        The panel has one of its own for the result that it shows: leave the panel before a script edits the same one.
        """
        return RegistrationEditor(result, _later)

    def export(self, result, folder, replaceEarlier=False):
        """Write a result as it is now into a folder, and return the path of the page to read.

        Raises:
            InputError: if a scan is gone, the folder cannot be written to, or it holds an earlier export.
        """
        return export_result(result, folder, replace_earlier=replaceEarlier)


class _Outcome:
    """Keeps how a job ended."""

    def __init__(self):
        self.result = None
        self.failure = None

    def on_progress(self, fraction, stage):
        logging.debug("%3.0f %% %s", 100 * fraction, stage)

    def on_done(self, result, _registration):
        self.result = result

    def on_frames(self, _track):
        """Those that come are in the scene."""

    def on_tracked(self, track):
        self.result = track

    def on_failed(self, failure):
        self.failure = failure

    def of_job(self):
        """What came of it, or the error that says why nothing did."""
        if self.failure is not None:
            kind = InputError if self.failure.kind is FailureKind.INPUT else RuntimeError
            raise kind(self.failure.message)
        return self.result


def _await(job):
    """Let the application go on until a job has ended."""
    while job.is_active:
        slicer.app.processEvents()
        time.sleep(0.02)


def _later(milliseconds, callback):
    """Call back when so much time has passed and the application is idle."""
    qt.QTimer.singleShot(milliseconds, callback)


def _currentPanel():
    """The panel that Slicer shows now."""
    return slicer.modules.KeypointRegistrationWidget


def _first_scalar_volume():
    """The first volume of the scene that is a plain scan (no label map, no vector volume, nothing hidden), or None."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    shown = (node for node in nodes if not node.GetHideFromEditors())
    return next((node for node in shown if node.GetClassName() == "vtkMRMLScalarVolumeNode"), None)


class KeypointRegistrationTest(ScriptedLoadableModuleTest):
    """The self-test inside Slicer.  It needs neither torch nor a model; the repository's own tests go further."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_ApplySaysWhatIsMissing(self):
        """The panel asks for two different volumes, and then for nothing more."""
        panel = slicer.modules.keypointregistration.widgetRepresentation().self()
        panel.enter()
        self.assertFalse(panel.ui.applyButton.enabled)
        fixed, moving = _made_up_volume("fixed"), _made_up_volume("moving")
        panel.ui.fixedVolumeSelector.setCurrentNode(fixed)
        panel.ui.movingVolumeSelector.setCurrentNode(fixed)
        self.assertFalse(panel.ui.applyButton.enabled)
        panel.ui.movingVolumeSelector.setCurrentNode(moving)
        self.assertTrue(panel.ui.applyButton.enabled, panel.ui.applyButton.toolTip)

    def test_UnusableVolumeIsRefusedAndNothingChanges(self):
        """The worker's answer comes back as a sentence, and the scene stays as it is."""
        fixed = _made_up_volume("fixed")
        empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
        count = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaisesRegex(InputError, "empty has no voxels"):
            KeypointRegistrationLogic().register(fixed, empty)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), count)


def _made_up_volume(name):
    """A small volume with voxels of several values."""
    voxels = np.arange(8**3, dtype=np.int16).reshape(8, 8, 8)
    return slicer.util.addVolumeFromArray(voxels, name=name)
